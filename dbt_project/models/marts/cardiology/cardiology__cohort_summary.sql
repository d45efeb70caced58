{{ config(meta={'key': ['patient_key']}) }}

with history as (
    select
        cohort.patient_key,
        coalesce(bool_or(conditions.family = 'heart_failure'), false) as has_heart_failure,
        coalesce(bool_or(conditions.family = 'hypertension'), false) as has_hypertension,
        coalesce(bool_or(conditions.family in ('diabetes', 'dr')), false) as has_diabetes,
        coalesce(bool_or(conditions.family in ('stroke', 'tia')), false) as has_stroke,
        coalesce(bool_or(conditions.family in ('coronary', 'vascular') or conditions.concept = 'mi_history'), false) as has_vascular_disease
    from {{ ref('int_cardiology_cohort') }} as cohort
    left join {{ ref('int_condition_occurrence_current') }} as conditions
        on cohort.patient_key = conditions.patient_key
        and conditions.started_on <= cohort.index_on
    group by cohort.patient_key
),

tests as (
    select
        cohort.patient_key,
        arg_min(measurements.value_std, (abs(date_diff('day', cohort.index_on, measurements.recorded_on)), measurements.recorded_at, measurements.measurement_key))
            filter (measurements.concept = 'lvef' and abs(date_diff('day', cohort.index_on, measurements.recorded_on)) <= 90) as lvef_baseline,
        arg_min(measurements.value_std, (abs(date_diff('day', cohort.index_on + 365, measurements.recorded_on)), measurements.recorded_at, measurements.measurement_key))
            filter (measurements.concept = 'lvef' and measurements.recorded_on between cohort.index_on + 275 and cohort.index_on + 455) as lvef_year,
        round(regr_slope(measurements.value_std, date_diff('day', cohort.index_on, measurements.recorded_on) / 365.25)
            filter (measurements.concept = 'egfr' and measurements.recorded_on >= cohort.index_on), 6) as egfr_slope,
        date_diff('day', min(measurements.recorded_on) filter (measurements.concept = 'egfr' and measurements.recorded_on >= cohort.index_on),
            max(measurements.recorded_on) filter (measurements.concept = 'egfr')) as egfr_days
    from {{ ref('int_cardiology_cohort') }} as cohort
    inner join {{ ref('int_measurement_deduplicated') }} as measurements
        on cohort.patient_key = measurements.patient_key
    where measurements.concept in ('lvef', 'egfr') and measurements.is_plausible
    group by cohort.patient_key
),

stays as (
    select
        patient_key,
        bool_or(outcome_on <= index_on + 30) as within_30,
        bool_or(outcome_on <= index_on + 365) as within_365
    from {{ ref('int_cardiology_outcome') }}
    where type = 'HFH'
    group by patient_key
),

people as (
    select
        cohort.*,
        persons.sex,
        year(cohort.index_on) - persons.birth_year as age
    from {{ ref('int_cardiology_cohort') }} as cohort
    inner join {{ ref('int_person_current') }} as persons
        on cohort.patient_key = persons.patient_key
)

select
    people.patient_key,
    people.hospital_id,
    people.is_hf as is_heart_failure_arm,
    people.is_af as is_atrial_fibrillation_arm,
    people.is_cad as is_coronary_arm,
    case when people.is_af then {{ cha2ds2_vasc('people.age', 'people.sex', 'history') }} end as cha2ds2_vasc,
    tests.lvef_baseline as lvef_baseline_pct,
    tests.lvef_year - tests.lvef_baseline as lvef_change_12m_pct,
    coalesce(stays.within_30, false) as has_hf_stay_30d,
    coalesce(stays.within_365, false) as has_hf_stay_365d,
    -- a slope over a few days is noise, however steep
    case when tests.egfr_days >= 180 then tests.egfr_slope end as egfr_change_per_year
from people
inner join history on people.patient_key = history.patient_key
left join tests on people.patient_key = tests.patient_key
left join stays on people.patient_key = stays.patient_key
