select
    {{ load_columns() }},
    cast(procedure_key as varchar) as procedure_key,
    cast(encounter_key as varchar) as encounter_key,
    cast(code as varchar) as source_code,
    cast(code_system as varchar) as source_code_system,
    cast(description as varchar) as source_text,
    cast(started_at as timestamp) as started_at,
    cast(ended_at as timestamp) as ended_at,
    cast(status as varchar) as status
from {{ this_month_of(source('deidentified', 'fhir__procedures')) }}
