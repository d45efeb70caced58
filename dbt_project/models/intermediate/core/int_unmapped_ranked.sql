{{ config(meta={'key': ['code_group', 'rank']}) }}

{#- Codes of the month that no map knows, the most frequent first: what to map next. -#}
with unmapped as (
    select 'diagnosis' as code_group, source_code, source_code_system, hospital_id
    from {{ ref('int_condition_occurrence') }} where concept is null and op <> 'D'
    union all
    select 'medication', source_code, source_code_system, hospital_id
    from {{ ref('int_drug_exposure') }} where ingredient is null and op <> 'D'
    union all
    select 'procedure', source_code, source_code_system, hospital_id
    from {{ ref('int_procedure_occurrence') }} where concept is null and op <> 'D'
    union all
    select 'measurement', source_code, source_code_system, hospital_id
    from {{ ref('int_measurement') }} where concept is null and op <> 'D'
    union all
    select 'note', case attribute when 'symptom' then concat_ws(' ', attribute, value_text) else attribute end, 'attribute', hospital_id
    from {{ ref('int_note_nlp') }} where concept is null and part <> ''
),

counted as (
    select
        code_group,
        source_code,
        source_code_system,
        count(*) as n_rows,
        count(distinct hospital_id) as n_hospitals
    from unmapped
    where source_code is not null
    group by code_group, source_code, source_code_system
)

select
    '{{ run_month() }}' as month,
    *,
    row_number() over (
        partition by code_group order by n_rows desc, source_code, source_code_system
    ) as rank
from counted
