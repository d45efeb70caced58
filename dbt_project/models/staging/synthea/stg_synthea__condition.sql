select
    {{ load_columns() }},
    cast(encounter_key as varchar) as encounter_key,
    cast(started_on as date) as started_on,
    cast(ended_on as date) as ended_on,
    cast(code_system as varchar) as source_code_system,
    cast(code as varchar) as source_code,
    cast(description as varchar) as source_text
from {{ this_month_of(source('deidentified', 'synthea__conditions')) }}
