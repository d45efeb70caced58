{#- Best acuity of each eye and day of the cohort, by kind and then by value. -#}
with examined as (
    select
        measurements.patient_key,
        unnest(case measurements.laterality when 'OU' then ['OD', 'OS'] else [measurements.laterality] end) as eye,
        {{ days_from_index('measurements.recorded_on') }} as day,
        measurements.value_std,
        {{ acuity_kind_order('measurements.method') }} as kind_order
    from {{ ref('int_measurement_deduplicated') }} as measurements
    inner join {{ ref('int_ophthalmology_cohort') }} as cohort
        on measurements.patient_key = cohort.patient_key
    where measurements.concept = 'visual_acuity'
        and measurements.laterality in ('OD', 'OS', 'OU')
        and measurements.is_plausible
)

select
    patient_key,
    eye,
    day,
    arg_min(value_std, (kind_order, value_std)) as visual_acuity_logmar
from examined
group by patient_key, eye, day
