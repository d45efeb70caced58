{#-
  Measurements in force, from tables and notes, each exam once: of an eye exam recorded under two
  code systems the SNOMED CT twin goes (macros/measurements.sql).
-#}
with twins as (
    {{ measurement_twins() }}
),

unioned as (
    select
        current_rows.hospital_id,
        current_rows.patient_key,
        current_rows.row_key || case when current_rows.part = '' then '' else ':' || current_rows.part end as measurement_key,
        current_rows.encounter_key,
        current_rows.recorded_at,
        cast(current_rows.recorded_at as date) as recorded_on,
        current_rows.source_code,
        current_rows.source_code_system,
        current_rows.concept,
        current_rows.products,
        current_rows.laterality,
        current_rows.method,
        current_rows.value_original,
        current_rows.unit_original,
        current_rows.notation,
        current_rows.distance_cm,
        current_rows.comparator,
        current_rows.value_std,
        'structured' as source
    from {{ ref('int_measurement_current') }} as current_rows
    anti join twins
        on current_rows.hospital_id = twins.hospital_id
        and current_rows.row_key = twins.row_key
        and current_rows.part = twins.part
    union all by name
    select
        hospital_id,
        patient_key,
        part as measurement_key,
        encounter_key,
        recorded_at,
        cast(recorded_at as date) as recorded_on,
        concept_code as source_code,
        concept_system as source_code_system,
        concept,
        products,
        laterality,
        nullif(method, '') as method,
        cast(value_num as varchar) as value_original,
        unit_ucum as unit_original,
        case when concept = 'visual_acuity' then 'logmar' end as notation,
        cast(null as integer) as distance_cm,
        comparator,
        value_num as value_std,
        'note' as source
    from {{ ref('int_note_nlp_current') }}
    where value_num is not null
        and not coalesce(is_negated, false)
        and coalesce(temporality, 'current') = 'current'
        and coalesce(experiencer, 'patient') = 'patient'
)

select
    unioned.*,
    concepts.unit_std,
    unioned.value_std between concepts.low and concepts.high as is_plausible
from unioned
inner join {{ ref('measurement_concept') }} as concepts
    on unioned.concept = concepts.concept
