{#- Measurements of all systems under one set of names: code, value and unit as they came. -#}
{%- macro coded_measurements() -%}
    select
        {{ origin_columns('synthea', 'observations') }},
        encounter_key, observed_at as recorded_at, source_code,
        {{ code_system_name("''", 'source_code', '') }} as source_code_system,
        source_text, source_code as map_code, value as value_original, unit as unit_original
    from {{ ref('stg_synthea__observation') }}
    union all by name
    select
        {{ origin_columns('fhir', 'observations', void="status in ('entered-in-error', 'cancelled')") }},
        encounter_key, observed_at as recorded_at, source_code,
        {{ code_system_name('source_code_system', 'source_code', '') }} as source_code_system,
        source_text, source_code as map_code, value as value_original, unit as unit_original
    from {{ ref('stg_fhir__observation') }}
    union all by name
    select
        {{ origin_columns('his', 'labs') }},
        encounter_key, reported_at as recorded_at, source_code,
        -- many laboratories send LOINC; the others' own item codes are matched by letters and digits
        case when regexp_full_match(source_code, '\d{1,5}-\d') then 'LOINC' else 'LOCAL' end as source_code_system,
        source_text,
        case when regexp_full_match(source_code, '\d{1,5}-\d') then source_code else {{ local_item('source_code') }} end as map_code,
        value as value_original, unit as unit_original
    from {{ ref('stg_his__lab') }}
{%- endmacro -%}

{#-
  Eye exams that a hospital recorded twice, under LOINC and under SNOMED CT: the SNOMED twins, pair
  by pair: same patient, moment, concept and value, and the same eye where the SNOMED code names one
  (41633001, eye pressure, names none). A SNOMED row without a LOINC partner is none.
-#}
{%- macro measurement_twins() -%}
with structured as (
    select
        *,
        row_number() over (
            partition by patient_key, recorded_at, concept, value_std, source_code_system, laterality
            order by row_key, part
        ) as nth_of_eye,
        row_number() over (
            partition by patient_key, recorded_at, concept, value_std, source_code_system
            order by row_key, part
        ) as nth
    from {{ ref('int_measurement_current') }}
    where concept in ('visual_acuity', 'iop')
)

select snomed.hospital_id, snomed.row_key, snomed.part
from structured as snomed
inner join structured as loinc
    on snomed.patient_key = loinc.patient_key
    and snomed.recorded_at = loinc.recorded_at
    and snomed.concept = loinc.concept
    and snomed.value_std = loinc.value_std
where snomed.source_code_system = 'SNOMED'
    and loinc.source_code_system = 'LOINC'
    and case
        when snomed.laterality = 'U' then snomed.nth = loinc.nth
        else snomed.laterality = loinc.laterality and snomed.nth_of_eye = loinc.nth_of_eye
    end
{%- endmacro -%}
