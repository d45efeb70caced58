{{ config(meta={'key': ['oct_key']}) }}

{#- Optical coherence tomography, one row per patient, day and eye. -#}
with studied as (
    select
        measurements.*,
        unnest(case measurements.laterality when 'OU' then ['OD', 'OS'] else [measurements.laterality] end) as eye,
        {{ days_from_index('measurements.recorded_on') }} as day
    from {{ ref('int_measurement_deduplicated') }} as measurements
    inner join {{ ref('int_ophthalmology_cohort') }} as cohort
        on measurements.patient_key = cohort.patient_key
    where measurements.concept in ('oct_study', 'center_thickness', 'macular_volume')
        and measurements.laterality in ('OD', 'OS', 'OU')
)

select
    {{ made_key(['patient_key', 'day', 'eye']) }} as oct_key,
    patient_key,
    hospital_id,
    day,
    eye,
    'macula' as scan,
    min(value_std) filter (concept = 'center_thickness' and is_plausible) as center_thickness_um,
    min(value_std) filter (concept = 'macular_volume' and is_plausible) as macular_volume_mm3,
    case max(value_std) filter (concept = 'oct_study') when 0 then 'normal' else 'U' end as result,
    max(source) as source
from studied
group by patient_key, hospital_id, day, eye
