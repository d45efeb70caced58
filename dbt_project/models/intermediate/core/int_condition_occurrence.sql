{{ config(meta={'key': ['hospital_id', 'row_key', 'source_table']}) }}

{#- Diagnoses of all systems: the changes of one month, each with its one concept or none. -#}
with unioned as (
    select
        {{ origin_columns('synthea', 'conditions') }},
        encounter_key, started_on, ended_on, source_code,
        {{ code_system_name('source_code_system', 'source_code', 'SNOMED') }} as source_code_system,
        source_text, 'unknown' as diagnosis_rank, cast(null as varchar) as present_on_admission
    from {{ ref('stg_synthea__condition') }}
    union all by name
    select
        {{ origin_columns('fhir', 'conditions', void="verification_status in ('refuted', 'entered-in-error')") }},
        encounter_key, cast(started_on as date) as started_on, cast(ended_on as date) as ended_on,
        source_code,
        {{ code_system_name('source_code_system', 'source_code', '') }} as source_code_system,
        source_text, 'unknown' as diagnosis_rank, cast(null as varchar) as present_on_admission
    from {{ ref('stg_fhir__condition') }}
    union all by name
    select
        {{ origin_columns('his', 'diagnoses') }},
        encounter_key, cast(diagnosed_at as date) as started_on, cast(null as date) as ended_on,
        source_code,
        {{ code_system_name('source_code_system', 'source_code', 'ICD10CN-YB2.0') }} as source_code_system,
        source_text, case when rank = 1 then 'principal' else 'other' end as diagnosis_rank,
        cast(null as varchar) as present_on_admission
    from {{ ref('stg_his__diagnosis') }}
    union all by name
    select
        {{ origin_columns('his', 'front_sheet') }},
        encounter_key, cast(admitted_at as date) as started_on, cast(null as date) as ended_on,
        source_code, 'ICD10CN-YB2.0' as source_code_system,
        source_text, 'principal' as diagnosis_rank, present_on_admission
    from {{ ref('stg_his__front_sheet') }}
    union all by name
    select
        {{ origin_columns('his', 'front_sheet_diagnoses') }},
        encounter_key, cast(admitted_at as date) as started_on, cast(null as date) as ended_on,
        source_code, 'ICD10CN-YB2.0' as source_code_system,
        source_text, 'other' as diagnosis_rank, present_on_admission
    from {{ ref('stg_his__front_sheet_diagnosis') }}
),

mapped as (
    select * from {{ ref('int_diagnosis_code_mapped') }}
)

select
    unioned.*,
    {{ icd_dagger('unioned.source_code') }} as dagger_code,
    {{ icd_asterisk('unioned.source_code') }} as asterisk_code,
    mapped.concept,
    mapped.family,
    mapped.products,
    mapped.severity,
    mapped.stage,
    {{ condition_laterality(
        icd_side('unioned.source_code_system', icd_dagger('unioned.source_code')),
        'unioned.source_text', "mapped.products like '%ophthalmology%'"
    ) }} as laterality
from unioned
left join mapped
    on unioned.source_code = mapped.source_code
    and unioned.source_code_system = mapped.source_code_system
