{#- Scores around each stroke episode: at admission, at discharge, at 90 days. -#}
select
    episodes.encounter_key,
    arg_min(scores.value_std, (scores.recorded_at, scores.measurement_key))
        filter (scores.concept = 'nihss' and scores.recorded_on <= episodes.admitted_on + 1) as nihss_admission,
    arg_max(scores.value_std, (scores.recorded_at, scores.measurement_key))
        filter (scores.concept = 'nihss' and scores.recorded_on > episodes.admitted_on + 1 and scores.recorded_on <= episodes.until_on + 1) as nihss_discharge,
    arg_min(scores.value_std, (scores.recorded_at, scores.measurement_key))
        filter (scores.concept = 'gcs' and scores.recorded_on <= episodes.admitted_on + 1) as gcs_admission,
    arg_max(scores.value_std, (scores.recorded_at, scores.measurement_key))
        filter (scores.concept = 'mrs' and scores.recorded_on <= episodes.until_on + 1) as mrs_discharge,
    arg_min(scores.value_std, (abs(date_diff('day', episodes.admitted_on + 90, scores.recorded_on)), scores.measurement_key))
        filter (scores.concept = 'mrs' and scores.recorded_on between episodes.admitted_on + 60 and episodes.admitted_on + 120) as mrs_90d,
    bool_or(scores.source = 'note') as uses_notes
from {{ ref('int_neurology_episode') }} as episodes
inner join {{ ref('int_measurement_deduplicated') }} as scores
    on episodes.patient_key = scores.patient_key
where scores.concept in ('nihss', 'gcs', 'mrs')
    and scores.is_plausible
    and scores.recorded_on between episodes.admitted_on - 1 and episodes.admitted_on + 120
group by episodes.encounter_key
