{{ config(meta={'key': ['hospital_id', 'row_key', 'source_table']}) }}

{#- Discharges as the front sheet tells them: the changes of one month. -#}
select
    {{ origin_columns('his', 'front_sheet') }},
    encounter_key,
    admitted_at,
    discharged_at,
    los_days,
    discharge_department,
    discharge_disposition as disposition_source_value,
    {{ discharge_disposition('discharge_disposition') }} as discharge_disposition
from {{ ref('stg_his__front_sheet') }}
