select
    {{ load_columns() }},
    cast(encounter_key as varchar) as encounter_key,
    cast(started_at as timestamp) as started_at,
    cast(ended_at as timestamp) as ended_at,
    cast(class as varchar) as class,
    cast(code as varchar) as source_code,
    cast(description as varchar) as source_text,
    cast(reason_code as varchar) as reason_code,
    cast(reason_description as varchar) as reason_description
from {{ this_month_of(source('deidentified', 'synthea__encounters')) }}
