{#- Persons by arm: HF, AF, CAD, with the index day and whether it is confirmed. Codes of a history
    (old infarction, earlier bypass) are of family `history` and never make an index. -#}
with coded as (
    select
        conditions.hospital_id,
        conditions.patient_key,
        case conditions.family
            when 'heart_failure' then 'HF' when 'atrial_fibrillation' then 'AF' else 'CAD'
        end as arm,
        conditions.started_on,
        conditions.diagnosis_rank in ('principal', 'unknown')
        and coalesce(visits.visit_class in ('inpatient', 'emergency'), false) as is_principal_stay
    from {{ ref('int_condition_occurrence_current') }} as conditions
    left join {{ ref('int_visit_occurrence_current') }} as visits
        on conditions.hospital_id = visits.hospital_id
        and conditions.encounter_key = visits.encounter_key
    where conditions.family in ('heart_failure', 'atrial_fibrillation', 'coronary')
    union all by name
    select
        hospital_id,
        patient_key,
        'CAD' as arm,
        cast(started_at as date) as started_on,
        true as is_principal_stay
    from {{ ref('int_procedure_occurrence_current') }}
    where concept in ('pci', 'cabg')
),

arms as (
    select
        hospital_id,
        patient_key,
        arm,
        min(started_on) as index_on,
        bool_or(is_principal_stay) as has_principal_stay,
        count(distinct started_on) as n_days,
        date_diff('day', min(started_on), max(started_on)) as span_days
    from coded
    group by hospital_id, patient_key, arm
),

tests as (
    select distinct patient_key
    from {{ ref('int_measurement_deduplicated') }}
    where concept in ('lvef', 'ntprobnp', 'bnp')
),

helped as (
    select
        patient_key,
        bool_or(drug_class = 'loop_diuretic') as has_loop_diuretic,
        bool_or(drug_class = 'anticoagulant') as has_anticoagulant
    from {{ ref('int_drug_exposure_current') }}
    group by patient_key
),

rhythm as (
    select distinct patient_key
    from {{ ref('int_procedure_occurrence_current') }}
    where concept in ('cardioversion', 'ablation')
)

select
    arms.hospital_id,
    arms.patient_key,
    arms.arm,
    arms.index_on,
    arms.has_principal_stay,
    case arms.arm
        when 'HF' then arms.has_principal_stay or arms.span_days >= {{ var('confirm_days') }}
            or tests.patient_key is not null or coalesce(helped.has_loop_diuretic, false)
        when 'AF' then arms.n_days >= 2 or rhythm.patient_key is not null
            or coalesce(helped.has_anticoagulant, false)
        else arms.has_principal_stay or arms.n_days >= 2
    end as is_confirmed
from arms
left join tests on arms.patient_key = tests.patient_key
left join helped on arms.patient_key = helped.patient_key
left join rhythm on arms.patient_key = rhythm.patient_key
