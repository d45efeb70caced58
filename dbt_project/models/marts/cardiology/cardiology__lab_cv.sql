{{ config(meta={'key': ['lab_cv_key']}) }}

{#- Cardiac laboratory values, one row per patient and day: the first of the day. High-sensitivity
    and conventional troponin are never pooled; a value behind < or > is in `measurement` only. -#}
{%- set columns = [
    ('ntprobnp', 'ntprobnp_pg_ml'), ('bnp', 'bnp_pg_ml'), ('hs_troponin_i', 'hs_troponin_i_ng_l'),
    ('hs_troponin_t', 'hs_troponin_t_ng_l'), ('troponin_i', 'troponin_i_ng_ml'), ('creatinine', 'creatinine_umol_l'),
    ('potassium', 'potassium_mmol_l'), ('hba1c', 'hba1c_pct'), ('ldl', 'ldl_mmol_l'), ('inr', 'inr'),
] %}
select
    {{ made_key(['measurements.patient_key', 'measurements.recorded_on']) }} as lab_cv_key,
    measurements.patient_key,
    measurements.hospital_id,
    {{ days_from_index('measurements.recorded_on') }} as day,
    {%- for concept, column in columns %}
    arg_min(measurements.value_std, (measurements.recorded_at, measurements.measurement_key)) filter (measurements.concept = '{{ concept }}') as {{ column }}{{ ',' if not loop.last }}
    {%- endfor %}
from {{ ref('int_measurement_deduplicated') }} as measurements
inner join {{ ref('int_cardiology_cohort') }} as cohort
    on measurements.patient_key = cohort.patient_key
where measurements.is_plausible
    and measurements.comparator = '='
    and measurements.concept in ({% for concept, column in columns %}'{{ concept }}'{{ ', ' if not loop.last }}{% endfor %})
group by measurements.patient_key, measurements.hospital_id, measurements.recorded_on, cohort.index_on
