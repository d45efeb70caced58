select
    {{ load_columns() }},
    cast(birth_year as integer) as birth_year,
    cast(death_date as date) as death_date,
    cast(sex as varchar) as sex,
    cast(race as varchar) as race,
    cast(ethnicity as varchar) as ethnicity,
    cast(region_l1 as varchar) as region_l1
from {{ this_month_of(source('deidentified', 'synthea__patients')) }}
