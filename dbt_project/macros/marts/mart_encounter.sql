{%- macro mart_encounter(product) -%}
with stays as (
    select
        hospital_id,
        encounter_key,
        max(los_days) as los_days,
        max(discharge_disposition) as discharge_disposition
    from {{ ref('int_visit_detail_current') }}
    where encounter_key is not null
    group by hospital_id, encounter_key
)

select
    visits.encounter_key,
    visits.patient_key,
    visits.hospital_id,
    {{ days_from_index('visits.started_at') }} as day,
    visits.visit_class as class,
    cast(coalesce(stays.los_days, case
        when visits.visit_class = 'inpatient' and visits.ended_at >= visits.started_at
            then date_diff('day', cast(visits.started_at as date), cast(visits.ended_at as date))
    end) as integer) as los_days,
    visits.department_group,
    coalesce(stays.discharge_disposition, 'U') as discharge_disposition
from {{ ref('int_visit_occurrence_current') }} as visits
inner join {{ ref('int_' ~ product ~ '_cohort') }} as cohort
    on visits.patient_key = cohort.patient_key
left join stays
    on visits.hospital_id = stays.hospital_id
    and visits.encounter_key = stays.encounter_key
{%- endmacro -%}
