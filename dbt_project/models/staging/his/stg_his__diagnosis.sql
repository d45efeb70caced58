select
    {{ load_columns() }},
    cast(encounter_key as varchar) as encounter_key,
    cast(rank as integer) as rank,
    cast(code as varchar) as source_code,
    cast(description as varchar) as source_text,
    cast(code_system as varchar) as source_code_system,
    cast(diagnosed_at as timestamp) as diagnosed_at
from {{ this_month_of(source('deidentified', 'his__diagnoses')) }}
