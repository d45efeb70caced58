{#- The tables that every product has; each is cut to the product's cohort and domain. -#}

{%- macro mart_patient(product) -%}
select
    cohort.patient_key,
    cohort.hospital_id,
    people.sex,
    {# pooled again: a row keeps the pool of the month that brought it -#}
    cast(greatest(people.birth_year, left('{{ run_month() }}', 4)::integer - 89) as integer) as birth_year,
    people.region_l1,
    {# a shifted date may lie past the month; its year would tell the shift's sign -#}
    cast(least(year(cohort.index_on), coalesce(nullif(left('{{ run_month() }}', 4)::integer, 0), 9999)) as integer) as index_year,
    people.death_date is not null as is_deceased,
    {{ days_from_index('people.death_date') }} as death_day,
    greatest({{ days_from_index('cohort.last_on') }}, 0) as followup_days,
    {{ days_from_index('cohort.first_on') }} as first_day,
    baseline.bmi_kg_m2,
    coalesce(baseline.smoking, 'U') as smoking
from {{ ref('int_' ~ product ~ '_cohort') }} as cohort
inner join {{ ref('int_person_current') }} as people
    on cohort.patient_key = people.patient_key
left join (
    select
        measurements.patient_key,
        arg_max(measurements.value_std, (measurements.recorded_at, measurements.measurement_key))
            filter (measurements.concept = 'bmi') as bmi_kg_m2,
        case arg_max(measurements.value_std, (measurements.recorded_at, measurements.measurement_key))
            filter (measurements.concept = 'smoking')
            when 0 then 'never' when 1 then 'former' when 2 then 'current'
        end as smoking
    from {{ ref('int_measurement_deduplicated') }} as measurements
    inner join {{ ref('int_' ~ product ~ '_cohort') }} as cohort
        on measurements.patient_key = cohort.patient_key
    where measurements.concept in ('bmi', 'smoking')
        and measurements.is_plausible
        and measurements.recorded_on <= cohort.index_on
    group by measurements.patient_key
) as baseline
    on cohort.patient_key = baseline.patient_key
{%- endmacro -%}

{%- macro mart_encounter(product) -%}
with stays as (
    select
        hospital_id,
        encounter_key,
        max(los_days) as los_days,
        max(discharge_disposition) as discharge_disposition
    from {{ ref('int_visit_detail_current') }}
    where encounter_key is not null
    group by hospital_id, encounter_key
)

select
    visits.encounter_key,
    visits.patient_key,
    visits.hospital_id,
    {{ days_from_index('visits.started_at') }} as day,
    visits.visit_class as class,
    cast(coalesce(stays.los_days, case
        when visits.visit_class = 'inpatient' and visits.ended_at >= visits.started_at
            then date_diff('day', cast(visits.started_at as date), cast(visits.ended_at as date))
    end) as integer) as los_days,
    visits.department_group,
    coalesce(stays.discharge_disposition, 'U') as discharge_disposition
from {{ ref('int_visit_occurrence_current') }} as visits
inner join {{ ref('int_' ~ product ~ '_cohort') }} as cohort
    on visits.patient_key = cohort.patient_key
left join stays
    on visits.hospital_id = stays.hospital_id
    and visits.encounter_key = stays.encounter_key
{%- endmacro -%}

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

{%- macro mart_medication(product) -%}
select
    drugs.row_key as medication_key,
    drugs.patient_key,
    drugs.hospital_id,
    drugs.encounter_key,
    {{ days_from_index('drugs.started_at') }} as day,
    cast(case
        when drugs.ended_at >= drugs.started_at
            then date_diff('day', cast(drugs.started_at as date), cast(drugs.ended_at as date)) + 1
    end as integer) as duration_days,
    drugs.source_code as code,
    drugs.source_code_system as code_system,
    drugs.ingredient,
    drugs.drug_class,
    drugs.route
from {{ ref('int_drug_exposure_current') }} as drugs
inner join {{ ref('int_' ~ product ~ '_cohort') }} as cohort
    on drugs.patient_key = cohort.patient_key
where {{ for_product('drugs.products', product) }}
{%- endmacro -%}

{%- macro mart_procedure(product) -%}
select
    procedures.row_key as procedure_key,
    procedures.patient_key,
    procedures.hospital_id,
    procedures.encounter_key,
    {{ days_from_index('procedures.started_at') }} as day,
    procedures.source_code as code,
    procedures.source_code_system as code_system,
    procedures.concept,
    coalesce(procedures.laterality, 'U') as laterality
from {{ ref('int_procedure_occurrence_current') }} as procedures
inner join {{ ref('int_' ~ product ~ '_cohort') }} as cohort
    on procedures.patient_key = cohort.patient_key
where {{ for_product('procedures.products', product) }}
{%- endmacro -%}

{#- value_original goes out only where it was understood: what no rule read may hold anything. -#}
{%- macro mart_measurement(product) -%}
select
    measurements.measurement_key,
    measurements.patient_key,
    measurements.hospital_id,
    measurements.encounter_key,
    {{ days_from_index('measurements.recorded_on') }} as day,
    measurements.source_code as code,
    measurements.source_code_system as code_system,
    measurements.concept,
    measurements.value_std,
    measurements.unit_std,
    measurements.comparator,
    case when measurements.value_std is not null then measurements.value_original end as value_original,
    measurements.unit_original,
    coalesce(nullif(measurements.laterality, ''), 'NA') as laterality,
    measurements.method,
    measurements.source,
    coalesce(measurements.is_plausible, false) as is_plausible
from {{ ref('int_measurement_deduplicated') }} as measurements
inner join {{ ref('int_' ~ product ~ '_cohort') }} as cohort
    on measurements.patient_key = cohort.patient_key
where {{ for_product('measurements.products', product) }}
    and measurements.concept not in ('bmi', 'smoking')
{%- endmacro -%}

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
