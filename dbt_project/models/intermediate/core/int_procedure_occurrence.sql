{{ config(meta={'key': ['hospital_id', 'row_key', 'source_table']}) }}

{#- Procedures, operations and imaging: the changes of one month. -#}
with unioned as (
    select
        {{ origin_columns('synthea', 'procedures') }},
        encounter_key, started_at, ended_at, source_code,
        {{ code_system_name('source_code_system', 'source_code', 'SNOMED') }} as source_code_system,
        source_text, cast(null as varchar) as modality_code, cast(null as varchar) as body_site_text
    from {{ ref('stg_synthea__procedure') }}
    union all by name
    select
        {{ origin_columns('synthea', 'imaging_studies') }},
        encounter_key, studied_at as started_at, cast(null as timestamp) as ended_at,
        procedure_code as source_code, 'SNOMED' as source_code_system,
        cast(null as varchar) as source_text, modality_code, body_site_description as body_site_text
    from {{ ref('stg_synthea__imaging_study') }}
    union all by name
    select
        {{ origin_columns('fhir', 'procedures', void="status in ('entered-in-error', 'not-done')") }},
        encounter_key, started_at, ended_at, source_code,
        {{ code_system_name('source_code_system', 'source_code', '') }} as source_code_system,
        source_text, cast(null as varchar) as modality_code, cast(null as varchar) as body_site_text
    from {{ ref('stg_fhir__procedure') }}
    union all by name
    select
        {{ origin_columns('his', 'front_sheet_operations') }},
        encounter_key, operated_on as started_at, cast(null as timestamp) as ended_at, source_code,
        'ICD9CM3-CN' as source_code_system, source_text,
        cast(null as varchar) as modality_code, cast(null as varchar) as body_site_text
    from {{ ref('stg_his__front_sheet_operation') }}
),

matches as (
    select
        codes.source_code,
        codes.source_code_system,
        map_procedure_code.concept,
        map_procedure_code.products,
        row_number() over (
            partition by codes.source_code, codes.source_code_system
            order by length(map_procedure_code.prefix) desc, map_procedure_code.prefix
        ) as choice
    from (select distinct source_code, source_code_system from unioned) as codes
    inner join {{ ref('map_procedure_code') }} as map_procedure_code
        on case
            when codes.source_code_system = 'SNOMED'
                then map_procedure_code.code_group = 'snomed' and codes.source_code = map_procedure_code.prefix
            else map_procedure_code.code_group = 'icd9cm3' and starts_with(codes.source_code, map_procedure_code.prefix)
        end
)

select
    unioned.*,
    coalesce(matches.concept, {{ imaging_concept('unioned.modality_code', 'unioned.body_site_text') }}) as concept,
    coalesce(
        matches.products,
        case when {{ imaging_concept('unioned.modality_code', 'unioned.body_site_text') }} is not null then 'neurology' end
    ) as products,
    case
        when matches.products is not null
            then {{ condition_laterality('null', 'unioned.source_text', "matches.products like '%ophthalmology%'") }}
    end as laterality
from unioned
left join matches
    on unioned.source_code = matches.source_code
    and unioned.source_code_system = matches.source_code_system
    and matches.choice = 1
