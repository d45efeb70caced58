select
    {{ load_columns() }},
    cast(encounter_key as varchar) as encounter_key,
    cast(written_at as timestamp) as written_at,
    cast(title as varchar) as title,
    cast(lang as varchar) as lang
from {{ this_month_of(source('deidentified', 'note')) }}
