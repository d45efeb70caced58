{{ config(meta={'key': ['hospital_id', 'row_key', 'source_table']}) }}

{#- People: the changes of one month. OMOP person and death; a death may have no date. -#}
with unioned as (
    select
        {{ origin_columns('synthea', 'patients') }},
        sex, birth_year, region_l1, cast(death_date as date) as death_date,
        death_date is not null as is_deceased
    from {{ ref('stg_synthea__patient') }}
    union all by name
    select
        {{ origin_columns('fhir', 'patients') }},
        sex, birth_year, region_l1, cast(death_date as date) as death_date, is_deceased
    from {{ ref('stg_fhir__patient') }}
    union all by name
    select
        {{ origin_columns('his', 'patients') }},
        sex, birth_year, region_l1, cast(death_date as date) as death_date,
        death_date is not null as is_deceased
    from {{ ref('stg_his__patient') }}
)

select
    * exclude (sex),
    sex as sex_source_value,
    case
        when lower(trim(sex)) in ('m', 'male', '男', '男性', '1') then 'M'
        when lower(trim(sex)) in ('f', 'female', '女', '女性', '2') then 'F'
        else 'U'
    end as sex
from unioned
