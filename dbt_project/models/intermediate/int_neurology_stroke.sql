{#- Stroke and TIA as the reason of an inpatient or emergency visit, one row per visit. -#}
with events as (
    select
        conditions.hospital_id,
        conditions.patient_key,
        visits.encounter_key,
        visits.visit_class,
        visits.department_group,
        cast(visits.started_at as date) as admitted_on,
        cast(visits.ended_at as date) as left_on,
        conditions.concept,
        conditions.family,
        conditions.source_code,
        conditions.laterality,
        row_number() over (
            partition by visits.hospital_id, visits.encounter_key
            order by
                case conditions.diagnosis_rank when 'principal' then 1 else 2 end,
                -- a named type says more than "stroke"
                case conditions.concept when 'stroke_unspecified' then 3 when 'tia' then 2 else 1 end,
                conditions.source_code,
                conditions.row_key
        ) as nth
    from {{ ref('int_condition_occurrence_current') }} as conditions
    inner join {{ ref('int_visit_occurrence_current') }} as visits
        on conditions.hospital_id = visits.hospital_id
        and conditions.encounter_key = visits.encounter_key
    where conditions.family in ('stroke', 'tia')
        and visits.visit_class in ('inpatient', 'emergency')
        -- where a system has no rank, the class of the visit stands for it
        and conditions.diagnosis_rank in ('principal', 'unknown')
)

select
    events.*,
    events.department_group = 'neuro'
    or exists (
        select 1 from {{ ref('int_procedure_occurrence_current') }} as procedures
        where procedures.patient_key = events.patient_key
            and procedures.concept in ('brain_ct', 'brain_mri', 'cerebral_angiography', 'thrombectomy', 'thrombolysis')
            and cast(procedures.started_at as date) between events.admitted_on - 1 and events.admitted_on + 30
    )
    or exists (
        select 1 from {{ ref('int_measurement_deduplicated') }} as scores
        where scores.patient_key = events.patient_key
            and scores.concept = 'nihss'
            and scores.recorded_on between events.admitted_on - 1 and events.admitted_on + 30
    )
    or exists (
        select 1 from {{ ref('int_drug_exposure_current') }} as drugs
        where drugs.patient_key = events.patient_key
            and drugs.drug_class = 'thrombolytic'
            and cast(drugs.started_at as date) between events.admitted_on - 1 and events.admitted_on + 30
    ) as is_confirmed
from events
where events.nth = 1
