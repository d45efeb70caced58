{#- Acuity of a patient's eyes nearest to the index day and nearest to a year after it. -#}
with acuity as (
    select
        *,
        row_number() over (partition by patient_key, eye order by abs(day), day) as nth_baseline,
        row_number() over (partition by patient_key, eye order by abs(day - 365), day) as nth_year
    from {{ ref('int_eye_acuity_daily') }}
),

by_eye as (
    select
        patient_key,
        eye,
        max(visual_acuity_logmar) filter (nth_baseline = 1 and abs(day) <= {{ var('exam_window_days') }}) as baseline_logmar,
        max(visual_acuity_logmar) filter (nth_year = 1 and day between 275 and 455) as year_logmar
    from acuity
    group by patient_key, eye
)

select
    patient_key,
    min(baseline_logmar) as baseline_better,
    max(baseline_logmar) as baseline_worse,
    max(year_logmar - baseline_logmar) as worst_change
from by_eye
group by patient_key
