{#- Every consented person with a flag per step of inclusion; macros/cohort.sql names the steps. -#}
with arms as (
    select
        patient_key,
        min(index_on) as first_on,
        bool_or(is_confirmed) as is_confirmed,
        coalesce(min(index_on) filter (is_confirmed), min(index_on)) as index_on,
        coalesce(bool_or(arm = 'HF') filter (is_confirmed), false) as is_hf,
        coalesce(bool_or(arm = 'AF') filter (is_confirmed), false) as is_af,
        coalesce(bool_or(arm = 'CAD') filter (is_confirmed), false) as is_cad
    from {{ ref('int_cardiology_arm') }}
    group by patient_key
)

select
    people.hospital_id,
    people.patient_key,
    arms.index_on,
    arms.is_hf,
    arms.is_af,
    arms.is_cad,
    span.first_on,
    span.last_on,
    arms.patient_key is not null as is_cardiac_code,
    coalesce(year(arms.first_on) - people.birth_year >= {{ var('adult_age') }}, false) as is_adult,
    coalesce(arms.is_confirmed, false) as is_confirmed
from {{ ref('int_person_current') }} as people
left join arms on people.patient_key = arms.patient_key
left join {{ ref('int_event_span') }} as span on people.patient_key = span.patient_key
where people.patient_key in ({{ consented_to_all_of('cardiology') }})
