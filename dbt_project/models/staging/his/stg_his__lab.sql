select
    {{ load_columns() }},
    cast(report_id as varchar) as report_id,
    cast(encounter_key as varchar) as encounter_key,
    cast(item_code as varchar) as source_code,
    cast(item_name as varchar) as source_text,
    cast(value as varchar) as value,
    cast(unit as varchar) as unit,
    cast(reported_at as timestamp) as reported_at
from {{ this_month_of(source('deidentified', 'his__labs')) }}
