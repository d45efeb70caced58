{{ config(meta={'key': ['hospital_id', 'row_key', 'source_table']}) }}

{#- Prescriptions: the changes of one month, each with its one ingredient or none. -#}
with unioned as (
    select
        {{ origin_columns('synthea', 'medications') }},
        encounter_key, started_at, ended_at, source_code, 'RxNorm' as source_code_system, source_text
    from {{ ref('stg_synthea__medication') }}
    union all by name
    select
        {{ origin_columns('fhir', 'medications', void="status in ('entered-in-error', 'cancelled')") }},
        encounter_key, started_at, cast(null as timestamp) as ended_at, source_code,
        {{ code_system_name('source_code_system', 'source_code', 'RxNorm') }} as source_code_system,
        source_text
    from {{ ref('stg_fhir__medication') }}
),

-- words are matched once per distinct description, not once per row
matches as (
    select
        texts.source_text,
        map_drug_ingredient.ingredient,
        map_drug_ingredient.drug_class,
        map_drug_ingredient.products,
        row_number() over (partition by texts.source_text order by map_drug_ingredient.priority) as choice
    from (select distinct source_text from unioned) as texts
    inner join {{ ref('map_drug_ingredient') }} as map_drug_ingredient
        on contains(lower(texts.source_text), map_drug_ingredient.word)
)

select
    unioned.*,
    matches.ingredient,
    matches.drug_class,
    matches.products,
    {{ drug_route('unioned.source_text', 'matches.drug_class') }} as route
from unioned
left join matches
    on unioned.source_text = matches.source_text
    and matches.choice = 1
