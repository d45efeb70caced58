{%- macro mart_patient(product) -%}
select
    cohort.patient_key,
    cohort.hospital_id,
    people.sex,
    {# pooled again: a row keeps the pool of the month that brought it -#}
    cast(greatest(people.birth_year, left('{{ run_month() }}', 4)::integer - 89) as integer) as birth_year,
    people.region_l1,
    {# a shifted date may lie past the month; its year would tell the shift's sign -#}
    cast(least(year(cohort.index_on), coalesce(nullif(left('{{ run_month() }}', 4)::integer, 0), 9999)) as integer) as index_year,
    coalesce(people.is_deceased, false) or people.death_date is not null as is_deceased,
    {{ days_from_index('people.death_date') }} as death_day,
    greatest({{ days_from_index('cohort.last_on') }}, 0) as followup_days,
    {{ days_from_index('cohort.first_on') }} as first_day,
    baseline.bmi_kg_m2,
    coalesce(baseline.smoking, 'U') as smoking
from {{ ref('int_' ~ product ~ '_cohort') }} as cohort
inner join {{ ref('int_person_current') }} as people
    on cohort.patient_key = people.patient_key
left join (
    select
        measurements.patient_key,
        arg_max(measurements.value_std, (measurements.recorded_at, measurements.measurement_key))
            filter (measurements.concept = 'bmi') as bmi_kg_m2,
        case arg_max(measurements.value_std, (measurements.recorded_at, measurements.measurement_key))
            filter (measurements.concept = 'smoking')
            when 0 then 'never' when 1 then 'former' when 2 then 'current'
        end as smoking
    from {{ ref('int_measurement_deduplicated') }} as measurements
    inner join {{ ref('int_' ~ product ~ '_cohort') }} as cohort
        on measurements.patient_key = cohort.patient_key
    where measurements.concept in ('bmi', 'smoking')
        and measurements.is_plausible
        and measurements.recorded_on <= cohort.index_on
    group by measurements.patient_key
) as baseline
    on cohort.patient_key = baseline.patient_key
{%- endmacro -%}
