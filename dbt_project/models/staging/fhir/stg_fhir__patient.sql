select
    {{ load_columns() }},
    cast(birth_year as integer) as birth_year,
    cast(death_date as timestamp) as death_date,
    coalesce(cast(is_deceased as boolean), false) or death_date is not null as is_deceased,
    cast(sex as varchar) as sex,
    cast(region_l1 as varchar) as region_l1
from {{ this_month_of(source('deidentified', 'fhir__patients')) }}
