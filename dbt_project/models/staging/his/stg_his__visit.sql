select
    {{ load_columns() }},
    cast(encounter_key as varchar) as encounter_key,
    cast(class as varchar) as class,
    cast(department as varchar) as department,
    cast(started_at as timestamp) as started_at,
    cast(ended_at as timestamp) as ended_at
from {{ this_month_of(source('deidentified', 'his__visits')) }}
