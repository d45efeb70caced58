{#- Persons by arm: DR (diabetic retinopathy or maculopathy) and GLC (glaucoma), with the index day. -#}
with diabetics as (
    select distinct patient_key
    from {{ ref('int_condition_occurrence_current') }}
    where family in ('diabetes', 'dr')
),

records as (
    select
        conditions.hospital_id,
        conditions.patient_key,
        conditions.started_on,
        case when conditions.family = 'glaucoma' then 'GLC' else 'DR' end as arm
    from {{ ref('int_condition_occurrence_current') }} as conditions
    left join diabetics
        on conditions.patient_key = diabetics.patient_key
    where conditions.family in ('dr', 'glaucoma')
        or (conditions.concept = 'macular_edema' and diabetics.patient_key is not null)
),

arms as (
    select
        hospital_id,
        patient_key,
        arm,
        min(started_on) as index_on,
        max(started_on) as last_record_on
    from records
    group by hospital_id, patient_key, arm
)

select
    arms.hospital_id,
    arms.patient_key,
    arms.arm,
    arms.index_on,
    date_diff('day', arms.index_on, arms.last_record_on) >= {{ var('confirm_days') }}
    or exists (
        select 1
        from {{ ref('int_ophthalmology_exam') }} as exams
        where exams.patient_key = arms.patient_key
            and exams.exam_on between arms.index_on - {{ var('exam_window_days') }}
            and arms.index_on + {{ var('exam_window_days') }}
    ) as is_confirmed
from arms
