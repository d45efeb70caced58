{#- value_original goes out only where it was understood: what no rule read may hold anything. -#}
{%- macro mart_measurement(product) -%}
select
    measurements.measurement_key,
    measurements.patient_key,
    measurements.hospital_id,
    measurements.encounter_key,
    {{ days_from_index('measurements.recorded_on') }} as day,
    measurements.source_code as code,
    measurements.source_code_system as code_system,
    measurements.concept,
    measurements.value_std,
    measurements.unit_std,
    measurements.comparator,
    case when measurements.value_std is not null then measurements.value_original end as value_original,
    measurements.unit_original,
    coalesce(nullif(measurements.laterality, ''), 'NA') as laterality,
    measurements.method,
    measurements.source,
    coalesce(measurements.is_plausible, false) as is_plausible
from {{ ref('int_measurement_deduplicated') }} as measurements
inner join {{ ref('int_' ~ product ~ '_cohort') }} as cohort
    on measurements.patient_key = cohort.patient_key
where {{ for_product('measurements.products', product) }}
    and measurements.concept not in ('bmi', 'smoking')
{%- endmacro -%}
