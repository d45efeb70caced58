{{ config(meta={'key': ['cv_index_key']}) }}

{#- One row per patient and arm; phenotype by ejection fraction near the index day, or by code. -#}
with arms as (
    select arms.*, cohort.index_on as cohort_index_on, cohort.first_on
    from {{ ref('int_cardiology_arm') }} as arms
    inner join {{ ref('int_cardiology_cohort') }} as cohort
        on arms.patient_key = cohort.patient_key
    where arms.is_confirmed
),

tests as (
    select
        arms.patient_key,
        arms.arm,
        {%- for concept in ['lvef', 'nyha', 'killip'] %}
        arg_min(
            measurements.value_std,
            (abs(date_diff('day', arms.index_on, measurements.recorded_on)), measurements.recorded_at, measurements.measurement_key)
        ) filter (measurements.concept = '{{ concept }}') as {{ concept }}{{ ',' if not loop.last }}
        {%- endfor %}
    from arms
    inner join {{ ref('int_measurement_deduplicated') }} as measurements
        on arms.patient_key = measurements.patient_key
    where measurements.concept in ('lvef', 'nyha', 'killip')
        and measurements.is_plausible
        and abs(date_diff('day', arms.index_on, measurements.recorded_on)) <= 180
    group by arms.patient_key, arms.arm
),

-- the first record of the arm says the rhythm or the kind of infarction; a named kind wins a tie
coded as (
    select
        arms.patient_key,
        arms.arm,
        arg_min(conditions.concept, (conditions.started_on, conditions.concept in ('atrial_fibrillation', 'coronary_disease', 'mi_unspecified'), conditions.concept)) as concept,
        min(try_cast(replace(conditions.stage, 'NYHA ', '') as integer)) filter (conditions.stage like 'NYHA%' and conditions.started_on <= arms.index_on + 30) as nyha_code,
        min(try_cast(replace(conditions.stage, 'Killip ', '') as integer)) filter (conditions.stage like 'Killip%' and conditions.started_on <= arms.index_on + 30) as killip_code
    from arms
    inner join {{ ref('int_condition_occurrence_current') }} as conditions
        on arms.patient_key = conditions.patient_key
        and conditions.family = case arms.arm when 'HF' then 'heart_failure' when 'AF' then 'atrial_fibrillation' else 'coronary' end
    group by arms.patient_key, arms.arm
)

select
    {{ made_key(['arms.patient_key', 'arms.arm']) }} as cv_index_key,
    arms.patient_key,
    arms.hospital_id,
    arms.arm,
    {{ days_from_index('arms.index_on', 'arms.cohort_index_on') }} as day,
    {{ cardiac_phenotype('arms.arm', 'tests.lvef', 'coded.concept') }} as phenotype,
    cast(coalesce(tests.nyha, coded.nyha_code) as integer) as nyha_class,
    cast(coalesce(tests.killip, coded.killip_code) as integer) as killip_class,
    case when date_diff('day', arms.first_on, arms.index_on) >= 365 then '1' else 'U' end as first_ever
from arms
left join tests on arms.patient_key = tests.patient_key and arms.arm = tests.arm
left join coded on arms.patient_key = coded.patient_key and arms.arm = coded.arm
