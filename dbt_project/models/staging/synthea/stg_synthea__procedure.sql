select
    {{ load_columns() }},
    cast(encounter_key as varchar) as encounter_key,
    cast(started_at as timestamp) as started_at,
    cast(ended_at as timestamp) as ended_at,
    cast(code_system as varchar) as source_code_system,
    cast(code as varchar) as source_code,
    cast(description as varchar) as source_text,
    cast(reason_code as varchar) as reason_code
from {{ this_month_of(source('deidentified', 'synthea__procedures')) }}
