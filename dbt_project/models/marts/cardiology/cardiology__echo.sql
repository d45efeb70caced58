{{ config(meta={'key': ['echo_key']}) }}

{#- Echocardiography values, one row per patient, day and source. -#}
select
    {{ made_key(['measurements.patient_key', 'measurements.recorded_on', 'measurements.source']) }} as echo_key,
    measurements.patient_key,
    measurements.hospital_id,
    {{ days_from_index('measurements.recorded_on') }} as day,
    arg_min(measurements.value_std, (measurements.recorded_at, measurements.measurement_key)) filter (measurements.concept = 'lvef') as lvef_pct,
    coalesce(arg_min(measurements.method, (measurements.recorded_at, measurements.measurement_key)) filter (measurements.concept = 'lvef'), 'U') as lvef_method,
    arg_min(measurements.value_std, (measurements.recorded_at, measurements.measurement_key)) filter (measurements.concept = 'lvedd') as lvedd_mm,
    measurements.source
from {{ ref('int_measurement_deduplicated') }} as measurements
inner join {{ ref('int_cardiology_cohort') }} as cohort
    on measurements.patient_key = cohort.patient_key
where measurements.concept in ('lvef', 'lvedd') and measurements.is_plausible
group by measurements.patient_key, measurements.hospital_id, measurements.recorded_on, measurements.source, cohort.index_on
