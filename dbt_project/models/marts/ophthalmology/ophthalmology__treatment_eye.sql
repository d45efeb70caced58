{{ config(meta={'key': ['treatment_eye_key']}) }}

{#- Eye treatments; an injection and the drug given at it are one event, named by the drug. -#}
with agents as (
    select
        patient_key,
        cast(started_at as date) as given_on,
        min(ingredient) as agent
    from {{ ref('int_drug_exposure_current') }}
    where drug_class = 'anti_vegf'
    group by patient_key, given_on
),

events as (
    select
        procedures.row_key as treatment_eye_key,
        procedures.patient_key,
        procedures.hospital_id,
        cast(procedures.started_at as date) as treated_on,
        case
            when procedures.concept = 'intravitreal_injection' and agents.agent is not null then 'anti_vegf_injection'
            else procedures.concept
        end as type,
        case when procedures.concept in ('anti_vegf_injection', 'intravitreal_injection') then agents.agent end as agent,
        coalesce(procedures.laterality, 'U') as eye
    from {{ ref('int_procedure_occurrence_current') }} as procedures
    left join agents
        on procedures.patient_key = agents.patient_key
        and cast(procedures.started_at as date) = agents.given_on
    where procedures.concept in (
        'anti_vegf_injection', 'intravitreal_injection', 'panretinal_laser', 'focal_laser', 'vitrectomy',
        'cataract_surgery', 'trabeculectomy', 'selective_laser_trabeculoplasty'
    )
    union all by name
    select
        row_key as treatment_eye_key,
        patient_key,
        hospital_id,
        cast(started_at as date) as treated_on,
        'topical' as type,
        ingredient as agent,
        'U' as eye
    from {{ ref('int_drug_exposure_current') }}
    where drug_class = 'glaucoma_topical'
)

select
    events.treatment_eye_key,
    events.patient_key,
    events.hospital_id,
    {{ days_from_index('events.treated_on') }} as day,
    events.eye,
    events.type,
    events.agent,
    case when events.type in ('anti_vegf_injection', 'intravitreal_injection') then cast(row_number() over (
        partition by events.patient_key, events.type, events.eye
        order by events.treated_on, events.treatment_eye_key
    ) as integer) end as injection_seq,
    exists (
        select 1 from {{ ref('int_ophthalmology_exam') }} as exams
        where exams.patient_key = events.patient_key
            and exams.exam_on = events.treated_on
            and exams.is_exam
    ) as is_same_day_exam
from events
inner join {{ ref('int_ophthalmology_cohort') }} as cohort
    on events.patient_key = cohort.patient_key
