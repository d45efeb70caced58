{%- macro mart_diagnosis(product) -%}
select
    conditions.row_key as diagnosis_key,
    conditions.patient_key,
    conditions.hospital_id,
    conditions.encounter_key,
    {{ days_from_index('conditions.started_on') }} as day,
    {{ days_from_index('conditions.ended_on') }} as end_day,
    conditions.source_code as code,
    conditions.source_code_system as code_system,
    case when conditions.source_code_system like 'ICD10%' then left(conditions.dagger_code, 5) end as code_stem,
    conditions.asterisk_code,
    conditions.concept,
    labels.label_en,
    labels.label_zh,
    conditions.diagnosis_rank,
    case
        when conditions.present_on_admission in ('1', '2', '3', '4') then conditions.present_on_admission
        else 'U'
    end as present_on_admission,
    conditions.laterality,
    cast(conditions.severity as integer) as severity,
    conditions.stage
from {{ ref('int_condition_occurrence_current') }} as conditions
inner join {{ ref('int_' ~ product ~ '_cohort') }} as cohort
    on conditions.patient_key = cohort.patient_key
inner join {{ ref('diagnosis_concept') }} as labels
    on conditions.concept = labels.concept
where {{ for_product('conditions.products', product) }}
{%- endmacro -%}
