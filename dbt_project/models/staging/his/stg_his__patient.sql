select
    {{ load_columns() }},
    cast(sex as varchar) as sex,
    cast(birth_year as integer) as birth_year,
    cast(region_l1 as varchar) as region_l1,
    cast(ethnic_group as varchar) as ethnic_group,
    cast(death_date as date) as death_date
from {{ this_month_of(source('deidentified', 'his__patients')) }}
