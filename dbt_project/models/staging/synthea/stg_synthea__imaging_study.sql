select
    {{ load_columns() }},
    cast(study_key as varchar) as study_key,
    cast(encounter_key as varchar) as encounter_key,
    cast(studied_at as timestamp) as studied_at,
    cast(body_site_code as varchar) as body_site_code,
    cast(body_site_description as varchar) as body_site_description,
    cast(modality_code as varchar) as modality_code,
    cast(procedure_code as varchar) as procedure_code
from {{ this_month_of(source('deidentified', 'synthea__imaging_studies')) }}
