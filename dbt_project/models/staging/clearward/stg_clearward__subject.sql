select
    cast(hospital_id as varchar) as hospital_id,
    cast(month as varchar) as month,
    cast(patient_key as varchar) as patient_key,
    cast(purpose as varchar) as purpose
from {{ this_month_of(source('deidentified', 'subject')) }}
