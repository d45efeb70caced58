{{ config(meta={'key': ['patient_key']}) }}

with strokes as (
    select
        strokes.patient_key,
        cast(count(*) as integer) as n_episodes,
        bool_or(strokes.admitted_on > cohort.index_on and strokes.admitted_on <= cohort.index_on + 365) as has_recurrence
    from {{ ref('int_neurology_stroke') }} as strokes
    inner join {{ ref('int_neurology_cohort') }} as cohort
        on strokes.patient_key = cohort.patient_key
    group by strokes.patient_key
),

scores as (
    select
        cohort.patient_key,
        arg_min(scores.value_std, (abs(date_diff('day', cohort.index_on + 90, scores.recorded_on)), scores.measurement_key))
            filter (scores.concept = 'mrs' and scores.recorded_on between cohort.index_on + 60 and cohort.index_on + 120) as mrs_90d,
        round(regr_slope(scores.value_std, date_diff('day', cohort.index_on, scores.recorded_on) / 365.25)
            filter (scores.concept = 'mmse'), 6) as mmse_slope,
        date_diff('day', min(scores.recorded_on) filter (scores.concept = 'mmse'),
            max(scores.recorded_on) filter (scores.concept = 'mmse')) as mmse_days
    from {{ ref('int_neurology_cohort') }} as cohort
    inner join {{ ref('int_measurement_deduplicated') }} as scores
        on cohort.patient_key = scores.patient_key
    where scores.concept in ('mrs', 'mmse') and scores.is_plausible
    group by cohort.patient_key
),

readmitted as (
    select
        cohort.patient_key,
        bool_or(visits.visit_class = 'inpatient') as has_readmission
    from {{ ref('int_neurology_cohort') }} as cohort
    inner join {{ ref('int_visit_occurrence_current') }} as visits
        on cohort.patient_key = visits.patient_key
    where cast(visits.started_at as date) > cohort.index_on
        and cast(visits.started_at as date) <= cohort.index_on + 30
    group by cohort.patient_key
),

drugs as (
    select patient_key, cast(count(distinct ingredient) as integer) as n_anti_seizure
    from {{ ref('int_drug_exposure_current') }}
    where drug_class = 'anti_seizure'
    group by patient_key
)

select
    cohort.patient_key,
    cohort.hospital_id,
    cohort.is_stroke as is_stroke_arm,
    cohort.is_tia as is_tia_arm,
    cohort.is_epi as is_epilepsy_arm,
    cohort.is_pd as is_parkinson_arm,
    cohort.is_dem as is_dementia_arm,
    coalesce(strokes.n_episodes, 0) as stroke_episodes,
    scores.mrs_90d <= 2 as has_good_outcome_90d,
    coalesce(strokes.has_recurrence, false) as has_recurrence_365d,
    coalesce(readmitted.has_readmission, false) as has_readmission_30d,
    coalesce(drugs.n_anti_seizure, 0) as anti_seizure_ingredients,
    -- a slope over a few days is noise, however steep
    case when scores.mmse_days >= 180 then scores.mmse_slope end as mmse_change_per_year
from {{ ref('int_neurology_cohort') }} as cohort
left join strokes on cohort.patient_key = strokes.patient_key
left join scores on cohort.patient_key = scores.patient_key
left join readmitted on cohort.patient_key = readmitted.patient_key
left join drugs on cohort.patient_key = drugs.patient_key
