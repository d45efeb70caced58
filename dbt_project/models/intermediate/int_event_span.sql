{#- First and last day on which anything is known of a person; death ends it. -#}
with events as (
    select hospital_id, patient_key, cast(started_at as date) as event_on, 'visit' as kind
    from {{ ref('int_visit_occurrence_current') }}
    union all
    select hospital_id, patient_key, started_on, 'condition' from {{ ref('int_condition_occurrence_current') }}
    union all
    select hospital_id, patient_key, recorded_on, 'measurement' from {{ ref('int_measurement_deduplicated') }}
)

select
    events.hospital_id,
    events.patient_key,
    min(events.event_on) as first_on,
    max(events.event_on) as last_on
from events
inner join {{ ref('int_person_current') }} as people
    on events.hospital_id = people.hospital_id
    and events.patient_key = people.patient_key
where people.death_date is null or events.event_on <= people.death_date
group by events.hospital_id, events.patient_key
