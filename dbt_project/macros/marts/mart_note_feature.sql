{#- value_text is of a closed vocabulary; anything that does not look like one stays here. -#}
{%- macro mart_note_feature(product) -%}
select
    findings.part as note_feature_key,
    findings.row_key as note_key,
    findings.patient_key,
    findings.hospital_id,
    findings.encounter_key,
    {{ days_from_index('findings.recorded_at') }} as day,
    findings.section,
    findings.attribute,
    findings.concept,
    findings.concept_code as code,
    findings.concept_system as code_system,
    case
        when findings.is_negated then 'neg'
        when findings.certainty = 'uncertain' then 'unc'
        else 'aff'
    end as polarity,
    findings.temporality,
    findings.experiencer,
    findings.comparator,
    findings.value_num as value,
    case when regexp_full_match(findings.value_text, '[A-Za-z0-9_+.-]{1,24}') then findings.value_text end as value_text,
    findings.unit_ucum as unit,
    findings.laterality,
    nullif(findings.method, '') as method,
    findings.rule_id,
    findings.pack_version,
    findings.engine_version,
    findings.confidence
from {{ ref('int_note_nlp_current') }} as findings
inner join {{ ref('int_' ~ product ~ '_cohort') }} as cohort
    on findings.patient_key = cohort.patient_key
where {{ for_product('findings.products', product) }}
{%- endmacro -%}
