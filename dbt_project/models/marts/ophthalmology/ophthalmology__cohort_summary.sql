{{ config(meta={'key': ['patient_key']}) }}

{#- One row per patient; baseline is the acuity nearest to the index day within the exam window. -#}
with exams as (
    select
        cohort.patient_key,
        cast(max(measurements.value_std) filter (measurements.concept = 'dr_severity') as integer) as worst_dr,
        max(measurements.value_std) filter (measurements.concept = 'iop') as iop_max,
        max(measurements.value_std) filter (measurements.concept = 'dr_severity' and measurements.recorded_on <= cohort.index_on) as dr_before,
        max(measurements.value_std) filter (measurements.concept = 'dr_severity' and measurements.recorded_on > cohort.index_on) as dr_after
    from {{ ref('int_ophthalmology_cohort') }} as cohort
    inner join {{ ref('int_measurement_deduplicated') }} as measurements
        on cohort.patient_key = measurements.patient_key
    where measurements.concept in ('dr_severity', 'iop') and measurements.is_plausible
    group by cohort.patient_key
),

coded as (
    select
        patient_key,
        max(severity) as worst_severity,
        bool_or(concept in ('diabetic_maculopathy', 'macular_edema') or {{ is_cm_macular_edema('source_code_system', 'dagger_code') }}) as any_dme
    from {{ ref('int_condition_occurrence_current') }}
    where family in ('dr', 'macula')
    group by patient_key
),

injections as (
    select
        cohort.patient_key,
        cast(count(*) filter ({{ days_from_index('procedures.started_at') }} between 0 and 365) as integer) as n_injections,
        min({{ days_from_index('procedures.started_at') }}) filter (cast(procedures.started_at as date) >= cohort.index_on) as first_injection_day
    from {{ ref('int_ophthalmology_cohort') }} as cohort
    inner join {{ ref('int_procedure_occurrence_current') }} as procedures
        on cohort.patient_key = procedures.patient_key
    where procedures.concept in ('anti_vegf_injection', 'intravitreal_injection')
    group by cohort.patient_key
),

visits as (
    select
        cohort.patient_key,
        cast(count(distinct exams.exam_on) as integer) as n_visits
    from {{ ref('int_ophthalmology_cohort') }} as cohort
    inner join {{ ref('int_ophthalmology_exam') }} as exams
        on cohort.patient_key = exams.patient_key
    where exams.exam_on between cohort.index_on and cohort.index_on + 365
    group by cohort.patient_key
)

select
    cohort.patient_key,
    cohort.hospital_id,
    case when cohort.is_dr and cohort.is_glaucoma then 'both' when cohort.is_dr then 'DR' else 'GLC' end as arm,
    acuities.baseline_better as baseline_better_eye_logmar,
    acuities.baseline_worse as baseline_worse_eye_logmar,
    cast(greatest(exams.worst_dr, coded.worst_severity) as integer) as worst_dr_severity,
    coalesce(coded.any_dme, false) as has_macular_edema,
    exams.iop_max as iop_max_mmhg,
    coalesce(injections.n_injections, 0) as injections_12m,
    injections.first_injection_day,
    coalesce(visits.n_visits, 0) as eye_visits_12m,
    acuities.worst_change as worst_eye_change_12m_logmar,
    acuities.worst_change >= 0.3 as has_lost_15_letters_12m,
    exams.dr_after - exams.dr_before >= 2 as has_progressed_2_steps
from {{ ref('int_ophthalmology_cohort') }} as cohort
left join {{ ref('int_eye_acuity_change') }} as acuities on cohort.patient_key = acuities.patient_key
left join exams on cohort.patient_key = exams.patient_key
left join coded on cohort.patient_key = coded.patient_key
left join injections on cohort.patient_key = injections.patient_key
left join visits on cohort.patient_key = visits.patient_key
