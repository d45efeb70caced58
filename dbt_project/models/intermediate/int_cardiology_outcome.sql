{#- Outcomes after the index day: stays for heart failure, infarction, stroke, bleeding; and death. -#}
with coded as (
    select
        conditions.hospital_id,
        conditions.patient_key,
        cohort.index_on,
        conditions.started_on as outcome_on,
        case
            when conditions.family = 'heart_failure' then 'HFH'
            when conditions.concept in ('mi_stemi', 'mi_nstemi', 'mi_unspecified') then 'MI'
            when conditions.family = 'stroke' then 'stroke'
            else 'bleed'
        end as type
    from {{ ref('int_condition_occurrence_current') }} as conditions
    inner join {{ ref('int_cardiology_cohort') }} as cohort
        on conditions.patient_key = cohort.patient_key
    inner join {{ ref('int_visit_occurrence_current') }} as visits
        on conditions.hospital_id = visits.hospital_id
        and conditions.encounter_key = visits.encounter_key
    where visits.visit_class in ('inpatient', 'emergency')
        and conditions.diagnosis_rank in ('principal', 'unknown')
        and conditions.started_on > cohort.index_on
        and (
            conditions.family in ('heart_failure', 'stroke', 'bleeding')
            or conditions.concept in ('mi_stemi', 'mi_nstemi', 'mi_unspecified')
        )
)

select distinct hospital_id, patient_key, index_on, outcome_on, type from coded
union all
select people.hospital_id, people.patient_key, cohort.index_on, people.death_date, 'death'
from {{ ref('int_person_current') }} as people
inner join {{ ref('int_cardiology_cohort') }} as cohort
    on people.patient_key = cohort.patient_key
where people.death_date >= cohort.index_on
