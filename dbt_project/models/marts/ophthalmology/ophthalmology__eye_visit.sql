{{ config(meta={'key': ['eye_visit_key']}) }}

{#- One row per patient, day and eye; of several acuities the best corrected, then the best, counts. -#}
with examined as (
    select
        measurements.*,
        unnest(case measurements.laterality when 'OU' then ['OD', 'OS'] else [measurements.laterality] end) as eye,
        {{ days_from_index('measurements.recorded_on') }} as day
    from {{ ref('int_measurement_deduplicated') }} as measurements
    inner join {{ ref('int_ophthalmology_cohort') }} as cohort
        on measurements.patient_key = cohort.patient_key
    where measurements.concept in ('visual_acuity', 'iop', 'cup_disc_ratio', 'dr_severity')
        and measurements.laterality in ('OD', 'OS', 'OU')
        and measurements.is_plausible
),

ranked as (
    select
        *,
        row_number() over (
            partition by patient_key, day, eye, concept
            order by
                case source when 'structured' then 1 else 2 end,
                {{ acuity_kind_order('method') }},
                value_std,
                measurement_key
        ) as nth
    from examined
)

select
    {{ made_key(['patient_key', 'day', 'eye']) }} as eye_visit_key,
    patient_key,
    hospital_id,
    day,
    eye,
    max(value_std) filter (concept = 'visual_acuity') as visual_acuity_logmar,
    max(notation) filter (concept = 'visual_acuity') as visual_acuity_notation,
    max({{ acuity_kind('method') }}) filter (concept = 'visual_acuity') as visual_acuity_kind,
    max(value_original) filter (concept = 'visual_acuity') as visual_acuity_original,
    max(distance_cm) filter (concept = 'visual_acuity') as visual_acuity_distance_cm,
    max('{{ var("acuity_conversion_version") }}') filter (concept = 'visual_acuity') as visual_acuity_conversion,
    max(value_std) filter (concept = 'iop') as iop_mmhg,
    max(coalesce(method, 'unspecified')) filter (concept = 'iop') as iop_method,
    max(value_std) filter (concept = 'cup_disc_ratio') as cup_disc_ratio,
    cast(max(value_std) filter (concept = 'dr_severity') as integer) as dr_severity,
    max(source) as source
from ranked
where nth = 1
group by patient_key, hospital_id, day, eye
