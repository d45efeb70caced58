{{ config(meta={'key': ['hospital_id', 'row_key', 'source_table']}) }}

{#- Visits: the changes of one month. -#}
with unioned as (
    select
        {{ origin_columns('synthea', 'encounters') }},
        encounter_key, started_at, ended_at, class as class_source_value,
        source_code, 'SNOMED' as source_code_system, source_text, cast(null as varchar) as department
    from {{ ref('stg_synthea__encounter') }}
    union all by name
    select
        {{ origin_columns('fhir', 'encounters', void="status = 'entered-in-error'") }},
        encounter_key, started_at, ended_at, class as class_source_value,
        source_code, 'SNOMED' as source_code_system, source_text, cast(null as varchar) as department
    from {{ ref('stg_fhir__encounter') }}
    union all by name
    select
        {{ origin_columns('his', 'visits') }},
        encounter_key, started_at, ended_at, class as class_source_value,
        cast(null as varchar) as source_code, cast(null as varchar) as source_code_system,
        cast(null as varchar) as source_text, department
    from {{ ref('stg_his__visit') }}
)

select
    * exclude (encounter_key),
    coalesce(encounter_key, row_key) as encounter_key,
    {{ visit_class('class_source_value') }} as visit_class,
    {{ department_group('coalesce(department, source_text)') }} as department_group
from unioned
