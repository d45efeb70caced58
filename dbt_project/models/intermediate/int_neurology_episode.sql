{#- Stroke and TIA visits of the cohort, each with the episode before it, if there was one. -#}
select
    strokes.*,
    coalesce(strokes.left_on, strokes.admitted_on) as until_on,
    {{ days_from_index('strokes.admitted_on') }} as day,
    lag(strokes.admitted_on) over (
        partition by strokes.patient_key order by strokes.admitted_on, strokes.encounter_key
    ) as previous_on,
    cohort.first_on
from {{ ref('int_neurology_stroke') }} as strokes
inner join {{ ref('int_neurology_cohort') }} as cohort
    on strokes.patient_key = cohort.patient_key
