{{ config(meta={'key': ['patient_key']}) }}

{#- General measurements nearest to the index day, within the window; the earlier wins a tie. -#}
{%- set columns = [
    ('hba1c', 'hba1c_pct'), ('sbp', 'sbp_mmhg'), ('dbp', 'dbp_mmhg'), ('egfr', 'egfr_ml_min_173m2'),
    ('ldl', 'ldl_mmol_l'), ('uacr', 'uacr_mg_g'), ('creatinine', 'creatinine_umol_l'),
] %}
with near as (
    select
        measurements.patient_key,
        measurements.concept,
        measurements.value_std,
        row_number() over (
            partition by measurements.patient_key, measurements.concept
            order by
                abs(date_diff('day', cohort.index_on, measurements.recorded_on)),
                measurements.recorded_at,
                measurements.measurement_key
        ) as nth
    from {{ ref('int_measurement_deduplicated') }} as measurements
    inner join {{ ref('int_ophthalmology_cohort') }} as cohort
        on measurements.patient_key = cohort.patient_key
    where measurements.is_plausible
        and abs(date_diff('day', cohort.index_on, measurements.recorded_on)) <= {{ var('systemic_window_days') }}
)

select
    cohort.patient_key,
    cohort.hospital_id,
    {%- for concept, column in columns %}
    max(near.value_std) filter (near.concept = '{{ concept }}') as {{ column }}{{ ',' if not loop.last }}
    {%- endfor %}
from {{ ref('int_ophthalmology_cohort') }} as cohort
left join near
    on cohort.patient_key = near.patient_key
    and near.nth = 1
group by cohort.patient_key, cohort.hospital_id
