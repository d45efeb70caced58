select
    {{ load_columns() }},
    cast(record_no as varchar) as record_no,
    cast(stay_no as integer) as stay_no,
    cast(encounter_key as varchar) as encounter_key,
    cast(admitted_at as timestamp) as admitted_at,
    cast(position as integer) as position,
    cast(code as varchar) as source_code,
    cast(description as varchar) as source_text,
    cast(present_on_admission as varchar) as present_on_admission
from {{ this_month_of(source('deidentified', 'his__front_sheet_diagnoses')) }}
