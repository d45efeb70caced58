select
    {{ load_columns() }},
    cast(record_no as varchar) as record_no,
    cast(stay_no as integer) as stay_no,
    cast(encounter_key as varchar) as encounter_key,
    cast(position as integer) as position,
    cast(code as varchar) as source_code,
    cast(description as varchar) as source_text,
    cast(operated_on as timestamp) as operated_on
from {{ this_month_of(source('deidentified', 'his__front_sheet_operations')) }}
