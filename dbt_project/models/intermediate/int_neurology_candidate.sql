{#- Every consented person with a flag per step of inclusion; macros/cohort.sql names the steps. -#}
with coded as (
    select patient_key, min(started_on) as first_on
    from {{ ref('int_condition_occurrence_current') }}
    where family in ('stroke', 'tia', 'epilepsy', 'parkinson', 'dementia')
    group by patient_key
),

arms as (
    select
        patient_key,
        bool_or(is_confirmed) as is_confirmed,
        coalesce(min(index_on) filter (is_confirmed), min(index_on)) as index_on
        {%- for arm in ['STROKE', 'TIA', 'EPI', 'PD', 'DEM'] %},
        coalesce(bool_or(arm = '{{ arm }}') filter (is_confirmed), false) as is_{{ arm | lower }}
        {%- endfor %}
    from {{ ref('int_neurology_arm') }}
    group by patient_key
)

select
    people.hospital_id,
    people.patient_key,
    arms.index_on,
    arms.is_stroke,
    arms.is_tia,
    arms.is_epi,
    arms.is_pd,
    arms.is_dem,
    span.first_on,
    span.last_on,
    coded.patient_key is not null as is_neuro_code,
    coalesce(year(coded.first_on) - people.birth_year >= {{ var('adult_age') }}, false) as is_adult,
    arms.patient_key is not null as is_arm,
    coalesce(arms.is_confirmed, false) as is_confirmed
from {{ ref('int_person_current') }} as people
left join coded on people.patient_key = coded.patient_key
left join arms on people.patient_key = arms.patient_key
left join {{ ref('int_event_span') }} as span on people.patient_key = span.patient_key
where people.patient_key in ({{ consented_to_all_of('neurology') }})
