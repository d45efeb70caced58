select
    {{ load_columns() }},
    cast(encounter_key as varchar) as encounter_key,
    cast(observed_at as timestamp) as observed_at,
    cast(category as varchar) as category,
    cast(code as varchar) as source_code,
    cast(description as varchar) as source_text,
    cast(value as varchar) as value,
    cast(unit as varchar) as unit,
    cast(value_type as varchar) as value_type
from {{ this_month_of(source('deidentified', 'synthea__observations')) }}
