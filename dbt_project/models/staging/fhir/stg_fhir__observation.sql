select
    {{ load_columns() }},
    cast(observation_key as varchar) as observation_key,
    cast(component as integer) as component,
    cast(encounter_key as varchar) as encounter_key,
    cast(code as varchar) as source_code,
    cast(code_system as varchar) as source_code_system,
    cast(description as varchar) as source_text,
    cast(observed_at as timestamp) as observed_at,
    cast(category as varchar) as category,
    cast(value as varchar) as value,
    cast(unit as varchar) as unit,
    cast(body_site as varchar) as body_site,
    cast(status as varchar) as status
from {{ this_month_of(source('deidentified', 'fhir__observations')) }}
