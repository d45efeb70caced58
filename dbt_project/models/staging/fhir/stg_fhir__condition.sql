select
    {{ load_columns() }},
    cast(condition_key as varchar) as condition_key,
    cast(encounter_key as varchar) as encounter_key,
    cast(code as varchar) as source_code,
    cast(code_system as varchar) as source_code_system,
    cast(description as varchar) as source_text,
    cast(started_on as timestamp) as started_on,
    cast(ended_on as timestamp) as ended_on,
    cast(clinical_status as varchar) as clinical_status,
    cast(verification_status as varchar) as verification_status
from {{ this_month_of(source('deidentified', 'fhir__conditions')) }}
