{#- Every consented person with a flag per step of inclusion; macros/cohort.sql names the steps. -#}
with contact as (
    select patient_key, min(event_on) as first_on
    from (
        select patient_key, started_on as event_on
        from {{ ref('int_condition_occurrence_current') }}
        where family in ('dr', 'glaucoma', 'macula', 'eye_other')
        union all
        select patient_key, cast(started_at as date)
        from {{ ref('int_visit_occurrence_current') }}
        where department_group = 'eye'
    ) as contacts
    group by patient_key
),

arms as (
    select
        patient_key,
        bool_or(is_confirmed) as is_confirmed,
        coalesce(min(index_on) filter (is_confirmed), min(index_on)) as index_on,
        bool_or(arm = 'DR') filter (is_confirmed) as is_dr,
        bool_or(arm = 'GLC') filter (is_confirmed) as is_glaucoma
    from {{ ref('int_ophthalmology_arm') }}
    group by patient_key
),

exams as (
    select patient_key, max(exam_on) as last_exam_on
    from {{ ref('int_ophthalmology_exam') }}
    where is_exam
    group by patient_key
)

select
    people.hospital_id,
    people.patient_key,
    arms.index_on,
    coalesce(arms.is_dr, false) as is_dr,
    coalesce(arms.is_glaucoma, false) as is_glaucoma,
    span.first_on,
    span.last_on,
    contact.patient_key is not null as is_eye_contact,
    coalesce(year(contact.first_on) - people.birth_year >= {{ var('adult_age') }}, false) as is_adult,
    arms.patient_key is not null as is_arm,
    coalesce(arms.is_confirmed, false) as is_confirmed,
    coalesce(date_diff('day', span.first_on, arms.index_on) >= {{ var('ophthalmology_lookback_days') }}, false) as is_lookback,
    coalesce(exams.last_exam_on >= arms.index_on, false) as is_exam_after_index,
    coalesce(span.last_on > arms.index_on, false) as is_followup
from {{ ref('int_person_current') }} as people
left join contact on people.patient_key = contact.patient_key
left join arms on people.patient_key = arms.patient_key
left join exams on people.patient_key = exams.patient_key
left join {{ ref('int_event_span') }} as span on people.patient_key = span.patient_key
where people.patient_key in ({{ consented_to_all_of('ophthalmology') }})
